"""What does a file say that an operator brings as the reference population: a register of companies, or a census cube?"""
