"""What records are made of: observed, counted, and concluded into plans."""
