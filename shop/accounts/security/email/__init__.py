"""Another e-mail address: confirmed at the new one, told at the old one."""
