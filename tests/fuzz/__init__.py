"""Fuzzing: any bytes into every parser, only the documented errors out, within small bounds."""
