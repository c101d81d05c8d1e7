"""An embedded Fullstory behind an embedded Membrane, on SQLite."""
