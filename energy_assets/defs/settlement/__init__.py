"""Settlement: cash to the cent, forecast scores and the report of the settled day."""
