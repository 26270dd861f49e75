"""The door in: deliveries of Dental-Exec exports land, counted and untouched, in raw.*."""
