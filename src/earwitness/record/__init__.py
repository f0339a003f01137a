"""What a run leaves behind: the machine, the case, the plan committed beforehand, every test, signatures."""
