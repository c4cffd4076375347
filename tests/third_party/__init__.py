"""Small published constants of other projects, each folder with its source and licence."""
