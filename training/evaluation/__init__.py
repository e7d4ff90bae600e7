"""The evaluation of protection on photos: `python -m training.evaluation --help`."""
