"""What tests share: models, data, faulty public code, and programs that run on their own."""
