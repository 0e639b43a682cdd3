"""The compiler of the model catalogue: three public snapshots and what is kept by hand, into one file a provider."""
