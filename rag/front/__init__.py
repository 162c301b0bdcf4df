"""What OpenAI clients meet: how a request is read, guarded, relayed and refused."""
