"""Goods, stock, orders and money as tables: out to a spreadsheet, and in again."""
