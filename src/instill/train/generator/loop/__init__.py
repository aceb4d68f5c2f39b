"""The training loop: batches, loss, attention, frozen layers, several processes, and replies of a trained model."""
