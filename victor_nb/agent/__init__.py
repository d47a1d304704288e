"""The orchestrator, its four coordinators, and tools."""
