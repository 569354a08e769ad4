"""Networks layer by layer: shapes, parameters, multiply-adds, memory, what each position sees, and a picture."""
