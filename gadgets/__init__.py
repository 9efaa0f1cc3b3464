"""What happens to the data? One thin module per node of the chain, and below them the method itself."""
