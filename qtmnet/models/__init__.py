"""Networks, as plain `torch.nn.Module`s."""
