"""An answer on the screen: what it consists of, as safe HTML and text, piece by piece while it streams and as a whole.
Whatever comes from a model, a tool or a name is hostile here."""
