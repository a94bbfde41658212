"""Training of a pipeline that can be stopped, continued and spread over ranks."""
