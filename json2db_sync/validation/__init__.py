"""Rules of the user's own: JSON Schemas that records must satisfy."""
