"""What every page needs: routes and doors, middlewares, sessions, templates, answers. It imports no feature."""
