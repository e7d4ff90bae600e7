"""The simplest good server that a user would write with each package, around the same networks and pipeline."""
