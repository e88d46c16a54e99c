"""Train a pruned network until it is as good as it can be; `finetune` in loop.py is the flow.

Nothing is imported here, so that the window can name this package before torch is loaded.
"""
