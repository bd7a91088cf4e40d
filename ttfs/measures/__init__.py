"""What is measured in networks: accuracy, spikes, operations, memory, and diagnoses."""
