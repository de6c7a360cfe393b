"""What runs beside the web process: Celery's tasks, and the relay that hands promises to them."""
