"""Does the gate hold? A model of who may read what, a machine that acts at random, probes that read everything as everybody."""
