"""What joins the packages: home, search, help, jobs, set-up and the operator commands. Nothing imports it."""
