"""What is counted of networks: accuracy, spikes, operations, memory, and what ails them."""
