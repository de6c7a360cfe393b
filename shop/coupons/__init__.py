"""What makes a basket cheaper: cart rules that apply by themselves, and coupons that are asked for."""
