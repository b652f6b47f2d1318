"""What does the hidden layer make of images, by rule? As hidden_digits, on 60,000 of them: minutes, so only on request.

python analyses/hidden_images.py --images fashion-mnist --epochs 10 --seeds 3 --data FOLDER
"""

from semantic_svd import report
from semantic_svd.images import named_images
from semantic_svd.report.hidden import Setting, hidden_tables, save_hidden_figures


def setting(images, epochs, seeds):
    """Return the settings: Krotov and Hopfield's k is MNIST's, at which all but 5 of 500 units die out on clothes."""
    return Setting(
        hidden=500,
        epochs=epochs,
        batch_size=100,
        seeds=seeds,
        oja_rate=0.002,
        readout_rate=0.02,
        rival=7 if images.name == "mnist" else 2,
    )


def compute(images, chosen):
    return hidden_tables(images, chosen)


def draw(tables, images, chosen, folder):
    save_hidden_figures(tables, images, chosen, folder, f"hidden_{images.name}")


def main(folder, images="mnist", epochs=10, seeds=3, data=None):
    pictures = named_images(images, data)
    chosen = setting(pictures, epochs, seeds)
    draw(compute(pictures, chosen), pictures, chosen, folder)


if __name__ == "__main__":
    report.script(main)
