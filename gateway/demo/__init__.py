"""The demo: a site of four invented organisations, their simulators, synthetic people and messages, and the stories they play."""
