# Every target does its own set-up. `make help` lists them.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help setup demo test bench soak fuzz build

help: ## this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/  make \1\t\2/' | expand -t 16

setup: ## installs what building needs (as root or through sudo; else prints the line to run)
	@scripts/setup build

build: setup ## builds the russet binary, optimized
	@scripts/build

demo: setup ## runs the server beside simulated Apple services and 25 simulated devices; Ctrl-C ends it
	@scripts/demo $(ARGS)

test: ## formatting, clippy, cargo deny, and every test on SQLite and on PostgreSQL
	@scripts/setup test
	@scripts/test

bench: setup ## measures the hot paths
	@scripts/bench $(ARGS)

soak: setup ## ten minutes of 1,000 misbehaving devices; ARGS="--postgres --devices 100 --minutes 3": elsewhere, or less
	@scripts/soak $(ARGS)

fuzz: setup ## fuzzes every decoder that strangers reach, an hour in all; ARGS="600 cms": one target, 600 seconds
	@scripts/fuzz $(ARGS)
