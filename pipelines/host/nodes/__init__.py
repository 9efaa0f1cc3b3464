"""Nodes: how is one node started, talked to, gone round and ended?"""
