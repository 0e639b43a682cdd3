"""What the vendor's package does beyond asking: parsing into models, accumulating streams, other clouds."""
