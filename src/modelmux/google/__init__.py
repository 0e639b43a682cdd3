"""Google's Python packages, without them: ``from modelmux.google import genai``."""
