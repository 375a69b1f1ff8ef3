"""What a port shows to who looks at it with a browser, a monitor or a scraper."""
