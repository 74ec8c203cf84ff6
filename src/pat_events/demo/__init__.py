"""E-mails through a processor and a validator: the whole way, on any broker."""
