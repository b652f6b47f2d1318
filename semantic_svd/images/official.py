"""The image sets that are loaded by their names: where their official files are, and how to know them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

FOLDER_VARIABLE = "SEMANTIC_SVD_DATA"
IDX_FILES = (
    *("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    *("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
)
CIFAR_FILES = (*(f"data_batch_{number}.bin" for number in range(1, 6)), "test_batch.bin")
CIFAR_CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


@dataclass(frozen=True)
class ImageSet:
    """Where the official files of an image set are, and how to know them.

    Parameters
    ----------
    url : str
        The folder on the web that holds them.
    files : dict of str to str
        Name of each file and the sha256 of its contents once decompressed; the training set's before the test set's.
    classes : tuple of str
        What label 0, 1, ... stands for.
    archive : str, optional
        The tar archive that holds the files; None if each is there by itself, its name with ".gz" behind it.
    """

    url: str
    files: Mapping[str, str]
    classes: tuple[str, ...]
    archive: str | None = None

    @property
    def wanted(self) -> str:
        """The files that a folder of the set holds, in words."""
        return " or ".join(filter(None, (", ".join(self.files), self.archive)))


def _files(names: Sequence[str], *hashes: str) -> dict[str, str]:
    return dict(zip(names, hashes, strict=True))


IMAGE_SETS: dict[str, ImageSet | None] = {
    "mnist": ImageSet(
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        _files(
            IDX_FILES,
            "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
            "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
            "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
            "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        ),
        tuple("0123456789"),
    ),
    "fashion-mnist": ImageSet(
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",  # there is no https; the hashes guard it
        _files(
            IDX_FILES,
            "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
            "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
            "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
            "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
        ),
        (
            *("T-shirt/top", "trouser", "pullover", "dress", "coat"),
            *("sandal", "shirt", "sneaker", "bag", "ankle boot"),
        ),
    ),
    "cifar10": ImageSet(
        "https://www.cs.toronto.edu/~kriz/",
        _files(
            CIFAR_FILES,
            "cee916563c9f80d84e3cc88e17fdc0941787f1244f00a67874d45b261883ada5",
            "a591ca11fa1708a91ee40f54b3da4784ccd871ecf2137de63f51ada8b3fa57ed",
            "bbe8596564c0f86427f876058170b84dac6670ddf06d79402899d93ceea26f67",
            "014e562d6e23c72197cc727519169a60359f5eccd8945ad5a09d710285ff4e48",
            "755304fc0b379caeae8c14f0dac912fbc7d6cd469eb67a1029a08a39453a9add",
            "8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b",
        ),
        CIFAR_CLASSES,
        archive="cifar-10-binary.tar.gz",
    ),
    "digits": None,
}
"""The image sets by name; None for the digits, which come with scikit-learn."""
