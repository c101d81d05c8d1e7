"""fsctl: the command line for Fullstory administration, through Membrane."""

__version__ = "0.1.0"
