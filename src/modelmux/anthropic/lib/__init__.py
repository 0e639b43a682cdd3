"""What the vendor's package does beyond its API's calls, under the vendor's path."""
