"""What does the hidden layer make of the digits, by rule? Modes, trees and rank of class means, angle of feedback."""

from semantic_svd import load_images, report
from semantic_svd.report.hidden import Setting, hidden_tables, save_hidden_figures

SETTING = Setting(hidden=32, epochs=60, batch_size=50, seeds=5, oja_rate=0.01, readout_rate=0.1, rival=2)


def compute():
    return hidden_tables(load_images("digits"), SETTING, every="log")


def draw(tables, folder):
    save_hidden_figures(tables, load_images("digits"), SETTING, folder, "hidden_digits")


def main(folder):
    draw(compute(), folder)


if __name__ == "__main__":
    report.script(main)
