"""The index -> what the model is shown: pairs of segments, masks, batches."""
