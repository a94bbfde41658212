"""Documents of sentences -> piece ids on disk, in files that are mapped into memory."""
