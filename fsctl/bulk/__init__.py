"""Files in, files out: readers, batches, journal, rejects."""
