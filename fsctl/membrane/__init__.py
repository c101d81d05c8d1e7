"""The road to Fullstory: Membrane's gateways, what they carry, and how they fail."""
