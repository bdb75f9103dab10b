"""The whole Transformer: what this chapter computes, draws and checks."""
