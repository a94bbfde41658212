"""A BERT in a folder, or on the Hugging Face Hub: what a user names -> a module, its
tokenizer and its heads, and back.

A folder holds `config.json`, `model.safetensors`, `tokenizer.json` or `vocab.txt`, and
`tokenizer_config.json`. What is written here `transformers` loads, and the other way
round; `pytorch_model.bin` is read too, never written, as it holds pickled objects. An
encoder of 8-bit weights, which only we load, has `model.int8.safetensors` instead.
"""
