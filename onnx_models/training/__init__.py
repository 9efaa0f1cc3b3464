"""How the models are made: simulator, networks, training and export."""
