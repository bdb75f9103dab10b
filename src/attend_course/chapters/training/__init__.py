"""Training a translator: what this chapter computes, draws and checks."""
