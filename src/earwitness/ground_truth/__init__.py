"""Ground-truth targets: models this project trained itself, whose training sets are known."""
