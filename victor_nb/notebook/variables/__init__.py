"""`{{ expressions }}` in a question: found, evaluated once, and told as text or pictures of limited size."""
