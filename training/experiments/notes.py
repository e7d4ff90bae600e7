"""What a reader has to know to compare each experiment with the paper; it stands above the tables."""

from __future__ import annotations

from training.rgan_recipe import TABLES, photo_tables

_SHORT = "Trained for three epochs on MNIST where the paper trains for 150 on Caltech-256"
TABLE3 = f"""Each competitor is an attack that protects and a defense that is to give the picture back. The networks
are ours, not the paper's: hold a CER against that of the clean images in its own column. On photos RGAN may bring a
picture down to {photo_tables().objective.budget_db:.0f} dB, and was trained for {TABLES["lite0"][0]} epochs against
EfficientNet-Lite0, {TABLES["resnet50"][0]} against ResNet-50 and {TABLES["mobilenetv3"][0]} against MobileNetV3, where
the paper trains for 150."""
TABLE4 = f"""{TABLE3} C&W looks for the smallest perturbation, and part of it is gone in a file of 8 bits: where its
ASR is below 100 %, a low CER is not all the defense's."""
TABLE5 = f"""{TABLE3} On digits PGD moves a value by up to 0.3; on photos by up to 8/255, in steps of 2/255."""
FIGURE4 = """Each network's FGSM examples, shown to each. 200 photos of Caltech-101's test split, evenly spread over
its sorted files. The paper prints a picture without a list of networks or values; its claim is that examples transfer
best within a family, between networks of similar depth. Beside it stands a step of the same size in random
directions, which knows no network: what exceeds that has been transferred."""
FIGURE5 = """The paper shows pictures alone: a generated perturbation is larger and messier than an optimised one or
one that follows a gradient. Here are its L2 and PSNR, too, after 8-bit rounding. Perturbations are drawn around grey,
on photos ten times as strong as they are. The photos are Caltech-101's (Li, Andreeto, Ranzato and Perona, CC BY
4.0)."""
TABLE1 = f"""{_SHORT}: what can be compared is the order of the rows, not their values. Lower is better in all four
losses; the paper prints no values where its training did not converge, and has no row for an average or a convolution
undone by a maximum, which lacks the indices."""
TABLE2 = f"""{_SHORT}. The paper prints accuracies; they stand here as error rates. Its claim is that beta alone does
not give the picture back, and that no mix beats alpha alone."""
DEPTHS = f"""{_SHORT}. The paper draws lines without values. Its claims: the error of what is recovered is least where
G and R are equally deep (6a), and falls as both get deeper (6b)."""
FIGURE7 = """The share of answers that change when a protected picture is distorted before the network sees it. "No
reducer" and the kernels are trained for three epochs as published, "our recipe" is Table 3's RGAN. Of the paper's
values its text has two: 98 % undistorted without the reducer, 90 to 95 % with it, all on Caltech-256. The dotted line
is what the distortion does to the unprotected picture: an ASR near it says nothing."""
FIGURE8 = """What an opponent reaches who knows the defenses and runs one on the protected picture. The paper's text
has 95 % without a defense and 71 to 94 % behind one, on Caltech-256. Jin and Zhou learn from DDN's examples, not from
RGAN's."""
FIGURE10 = f"""{_SHORT}. The paper draws lines without values, and says of them: with more weight on the intensity,
L_G_mse falls and L_G_adv rises, until at 14 the attack is lost."""
